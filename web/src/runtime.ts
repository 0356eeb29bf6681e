/**
 * ONNX Runtime Web: the one place that fetches and opens networks. Runs in the worker. Mirrors
 * src/moue/classifier/runtime.py.
 *
 * The runtime's WASM travels compressed in its own file, so that it is small on any host, also on one that compresses
 * nothing.
 */

import * as ort from 'onnxruntime-web/wasm';
import loaderUrl from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasmUrl from '../build/ort.wasm.gz?url';
import type { Network } from './recognition/network';
import { kept } from './store';

const MOST_THREADS = 4;

/** Called while files arrive: bytes so far of all that are on their way. */
export type Progress = (loaded: number, total: number) => void;

/** What the page has to fetch: file sizes are known when it is built, because hosts may not state them. */
export interface Part {
  readonly url: string;
  readonly bytes: number;
}

export const wasm: Part = { url: wasmUrl, bytes: __WASM_BYTES__ };

/** How many threads a network may use: several only where the host isolates the page (see docs/page.md). */
export function threads(): number {
  // One core is left to the page itself.
  const cores = Math.max(1, (navigator.hardwareConcurrency || 1) - 1);
  return globalThis.crossOriginIsolated ? Math.min(MOST_THREADS, cores) : 1;
}

/** Fetch all parts at once, and report how far they are. */
export async function fetchAll(parts: readonly Part[], progress: Progress): Promise<Uint8Array[]> {
  const total = parts.reduce((sum, part) => sum + part.bytes, 0);
  const loaded = parts.map(() => 0);
  const report = (k: number, bytes: number) => {
    loaded[k] = bytes;
    progress(Math.min(total, loaded.reduce((sum, value) => sum + value, 0)), total);
  };
  return Promise.all(parts.map(async (part, k) => read(await kept(part.url), (bytes) => report(k, bytes))));
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

/** Make the runtime ready; must happen once, before the first network is opened. */
export async function start(compressed: Uint8Array): Promise<void> {
  ort.env.wasm.numThreads = threads();
  ort.env.wasm.wasmPaths = { mjs: new URL(loaderUrl, self.location.href).href };
  ort.env.wasm.wasmBinary = await unzipped(compressed);
  ort.env.logLevel = 'error';
}

async function unzipped(content: Uint8Array): Promise<ArrayBuffer> {
  // A host that takes the file's ending for an encoding has the browser unpack it on the way.
  const packed = content[0] === 0x1f && content[1] === 0x8b;
  if (!packed) return content.slice().buffer;
  const stream = new Blob([content as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}

export async function open(content: Uint8Array): Promise<Network> {
  const session = await ort.InferenceSession.create(content, {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
    enableMemPattern: false,
  });
  const input = session.inputNames[0]!;
  return {
    async run(data, shape) {
      const answer = await session.run({ [input]: new ort.Tensor('float32', data, shape) });
      return Object.fromEntries(Object.entries(answer).map(([name, tensor]) => [name, tensor.data as Float32Array]));
    },
  };
}
