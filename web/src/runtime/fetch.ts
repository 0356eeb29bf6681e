/** Fetching the large files, with progress. */

import { fetchCached } from '../store';

/** Called while files load: the bytes received so far and the total, over all files. */
export type Progress = (loaded: number, total: number) => void;

/** A file and its size, known when the page is built because hosts may not state it. */
export interface Part {
  readonly url: string;
  readonly bytes: number;
}

/** Fetch all parts at once and report the progress. */
export async function fetchAll(parts: readonly Part[], progress: Progress): Promise<Uint8Array[]> {
  const total = parts.reduce((sum, part) => sum + part.bytes, 0);
  const loaded = parts.map(() => 0);
  const report = (k: number, bytes: number) => {
    loaded[k] = bytes;
    progress(Math.min(total, loaded.reduce((sum, value) => sum + value, 0)), total);
  };
  return Promise.all(parts.map(async (part, k) => read(await fetchCached(part.url), (bytes) => report(k, bytes))));
}

async function read(response: Response, report: (bytes: number) => void): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body!.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    chunks.push(part.value);
    size += part.value.length;
    report(size);
  }
  const all = new Uint8Array(size);
  let place = 0;
  for (const chunk of chunks) {
    all.set(chunk, place);
    place += chunk.length;
  }
  return all;
}
