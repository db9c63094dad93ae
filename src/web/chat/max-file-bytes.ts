const meta = document.querySelector<HTMLMetaElement>('meta[name="max-file-bytes"]')

/** How large a file may be, as the gateway has written it into this page; 0 where none are shared. */
export const maxFileBytes = Number(meta?.content ?? 0)
