/**
 * ONNX Runtime Web, in one of its two builds: the only place that opens networks. Mirrors
 * src/moue/classifier/runtime.py.
 *
 * The runtime's WASM is a compressed file of its own, so the download is small even if the host compresses nothing.
 */

import type * as Ort from 'onnxruntime-web';
import type { Network } from '../recognition/network';
import type { Part } from './fetch';

const MAX_THREADS = 4;

export interface Backend {
  /** "wasm" or "webgpu". */
  readonly name: string;
  /** The compressed WASM. */
  readonly wasm: Part;
  /** Start the runtime; must be called once, before the first network is opened. */
  start(compressed: Uint8Array): Promise<void>;
  open(content: Uint8Array): Promise<Network>;
}

/** The number of threads for a network: more than one only if the page is cross-origin isolated (docs/page.md). */
export function threads(): number {
  // One core is left for the page itself.
  const cores = Math.max(1, (navigator.hardwareConcurrency || 1) - 1);
  return globalThis.crossOriginIsolated ? Math.min(MAX_THREADS, cores) : 1;
}

export function backend(ort: typeof Ort, name: 'wasm' | 'webgpu', loaderUrl: string, wasm: Part): Backend {
  return {
    name,
    wasm,
    async start(compressed) {
      ort.env.wasm.numThreads = name === 'wasm' ? threads() : 1;
      ort.env.wasm.wasmPaths = { mjs: new URL(loaderUrl, self.location.href).href };
      ort.env.wasm.wasmBinary = await unzipped(compressed);
      ort.env.logLevel = 'error';
    },
    async open(content) {
      const session = await ort.InferenceSession.create(content, {
        executionProviders: [name],
        graphOptimizationLevel: 'all',
        enableMemPattern: false,
        logSeverityLevel: 3, // some nodes run on the CPU, which is no error
      });
      const input = session.inputNames[0]!;
      return {
        async run(data, shape) {
          const outputs = await session.run({ [input]: new ort.Tensor('float32', data, shape) });
          return Object.fromEntries(Object.entries(outputs).map(([key, tensor]) => [key, tensor.data as Float32Array]));
        },
      };
    },
  };
}

async function unzipped(content: Uint8Array): Promise<ArrayBuffer> {
  // Some hosts take the suffix .gz for a content encoding; then the browser has already unpacked the file.
  const packed = content[0] === 0x1f && content[1] === 0x8b;
  if (!packed) return content.slice().buffer;
  const stream = new Blob([content as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}
