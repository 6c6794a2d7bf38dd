// Files out of a drop: single ones, and those in dropped folders, however deep.

export const holdsFiles = (event) => [...event.dataTransfer?.types ?? []].includes("Files");

/** By name: what to take out of a folder. `extensions` are the server's, which looks at the bytes later. Names with a leading dot
    are the system's. */
export const photosAmong = (files, extensions) =>
  files.filter(({ name }) => extensions.includes(name.match(/^[^.].*\.([^.]+)$/)?.[1].toLowerCase()));

export async function filesOf(transfer) {
  // Everything must be taken out of the transfer at once: it is emptied when the event is over.
  const loose = [...transfer.files];
  const entries = [...transfer.items ?? []].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return { files: loose, fromFolders: false };
  const files = [];
  for (const entry of entries) if (entry) await walk(entry, files);
  return { files, fromFolders: true };
}

async function walk(entry, files) {
  if (entry.isFile) {
    try {
      files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    } catch { /* gone since it was dropped */ }
    return;
  }
  const reader = entry.createReader();
  // A reader hands out a hundred at a time, and an empty list at the end.
  for (;;) {
    const batch = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!batch.length) return;
    for (const child of batch) await walk(child, files);
  }
}
