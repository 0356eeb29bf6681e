/** Files that people drop, paste or choose: single ones and whole folders. */

const IMAGE = /\.(jpe?g|png|webp|gif|bmp|avif|heic|heif|tiff?)$/i;
const VIDEO = /\.(mp4|m4v|mov|webm|ogv|mkv|avi)$/i;

/** A file and what to call it: with its folder, where it came in one. */
export interface Named {
  readonly file: File;
  readonly name: string;
}

export function isVideo(file: File): boolean {
  return file.type.startsWith('video/') || VIDEO.test(file.name);
}

function isImage(file: File): boolean {
  return file.type.startsWith('image/') || IMAGE.test(file.name);
}

/** What a file chooser holds; a chosen folder counts with all that is in it. */
export function chosen(files: FileList): Named[] {
  return [...files].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
}

/** What was dropped or pasted, with the content of folders. */
export async function transferred(data: DataTransfer): Promise<Named[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.every((entry) => entry === null)) return chosen(data.files);
  const found = await Promise.all(entries.filter((entry) => entry !== null).map((entry) => walk(entry, '')));
  return found.flat();
}

/** Of several files the images, in the order of their names; everything where there is just one. */
export function images(files: readonly Named[]): Named[] {
  if (files.length === 1) return [...files];
  const order = new Intl.Collator('en', { numeric: true });
  return files.filter(({ file }) => isImage(file)).sort((one, two) => order.compare(one.name, two.name));
}

async function walk(entry: FileSystemEntry, folder: string): Promise<Named[]> {
  const name = folder + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ file, name }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: Named[] = [];
  // A reader gives a hundred entries at a time, and none at the end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    for (const one of some) found.push(...(await walk(one, `${name}/`)));
  }
}
