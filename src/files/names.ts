const MAX_CHARS = 100
const MAX_EXTENSION_CHARS = 10
const DEFAULT = 'file'
// Controls, what turns the direction of writing around or cannot be seen, halves of characters, ends of lines.
const UNSHOWN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu
// What a file system somewhere does not take.
const UNSAVED = /[<>:"|?*]/g
// Names of devices, on Windows.
const DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i

/**
 * A file's name as it is told and saved: the last part of a path, on one line, that any file system takes, and whose
 * ending is one of the type's. A script that passes for text is saved as text.
 * @param name anything that a client says; empty for a name of ours
 * @param extensions of the type, the usual one first
 */
export function safeName (name: string, extensions: readonly string[]): string {
  const shown = name.normalize('NFC').replace(UNSHOWN, '')
  const last = shown.slice(Math.max(shown.lastIndexOf('/'), shown.lastIndexOf('\\')) + 1)
  const saved = last.replace(UNSAVED, '_').replace(/\s+/g, ' ').replace(/^[ .]+|[ .]+$/g, '')
  const [stem, extension] = split(saved === '' ? DEFAULT : saved, extensions)
  const short = [...stem].slice(0, MAX_CHARS - extension.length).join('').trimEnd()
  return `${DEVICE.test(short) ? '_' : ''}${short}${extension}`
}

/** The ending stays where it is one of the type's. */
function split (name: string, extensions: readonly string[]): readonly [stem: string, extension: string] {
  const at = name.lastIndexOf('.')
  const extension = extensionOf(name)
  if (at > 0 && extensions.includes(extension)) return [name.slice(0, at), name.slice(at)]
  return [name, `.${extensions[0]}`]
}

/** In small letters, without the dot; empty where there is none. */
export function extensionOf (name: string): string {
  const at = name.lastIndexOf('.')
  const extension = at < 0 ? '' : name.slice(at + 1).toLowerCase()
  return extension.length > MAX_EXTENSION_CHARS ? '' : extension
}
