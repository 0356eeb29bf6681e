/** Saving files on the visitor's own disk. */

export function save(content: Blob | string, name: string, type = 'text/plain'): void {
  const blob = typeof content === 'string' ? new Blob([content], { type: `${type};charset=utf-8` }) : content;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A file's name without folder and suffix, to name its results. */
export function stem(name: string): string {
  return name.replace(/^.*\//, '').replace(/\.[^.]+$/, '') || 'moue';
}
