import type { Launcher } from './replica.ts'

interface OpenImage {
  replica (settings: Readonly<Record<string, string>>): ReturnType<Launcher>
  close (): void
}

/** Replicas out of an image that `npm run image` built with buildah: scripts/rootfs.mjs says how. */
export async function openImage (image: string, storage: string | undefined): Promise<OpenImage> {
  const script = new URL('../../scripts/rootfs.mjs', import.meta.url)
  const rootfs = await import(script.href) as { openImage (options: object): OpenImage }
  return rootfs.openImage({ image, storage })
}
