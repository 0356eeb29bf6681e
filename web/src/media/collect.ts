/** Files that the visitor drops, pastes or chooses: single files and whole folders. */

const IMAGE = /\.(jpe?g|png|webp|gif|bmp|avif|heic|heif|tiff?)$/i;
const VIDEO = /\.(mp4|m4v|mov|webm|ogv|mkv|avi)$/i;

/** A file and its display name, which includes the folder if it came in one. */
export interface NamedFile {
  readonly file: File;
  readonly name: string;
}

export function isVideo(file: File): boolean {
  return file.type.startsWith('video/') || VIDEO.test(file.name);
}

function isImage(file: File): boolean {
  return file.type.startsWith('image/') || IMAGE.test(file.name);
}

/** The files of a file chooser; for a folder, all files in it. */
export function chosen(files: FileList): NamedFile[] {
  return [...files].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
}

/** The files that were dropped or pasted, including the contents of folders. */
export async function transferred(data: DataTransfer): Promise<NamedFile[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.every((entry) => entry === null)) return chosen(data.files);
  const files = await Promise.all(entries.filter((entry) => entry !== null).map((entry) => walk(entry, '')));
  return files.flat();
}

/** The images among several files, sorted by name; a single file is returned whatever it is. */
export function images(files: readonly NamedFile[]): NamedFile[] {
  if (files.length === 1) return [...files];
  const order = new Intl.Collator('en', { numeric: true });
  return files.filter(({ file }) => isImage(file)).sort((one, two) => order.compare(one.name, two.name));
}

async function walk(entry: FileSystemEntry, folder: string): Promise<NamedFile[]> {
  const name = folder + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ file, name }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const files: NamedFile[] = [];
  // A reader returns up to a hundred entries at a time, and none at the end.
  for (;;) {
    const children = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (children.length === 0) return files;
    for (const child of children) files.push(...(await walk(child, `${name}/`)));
  }
}
