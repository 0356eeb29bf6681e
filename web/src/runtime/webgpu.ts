/** The runtime on the GPU: WebGPU, in browsers whose WASM can wait for it (JSPI). */

import * as ort from 'onnxruntime-web/jspi';
import loaderUrl from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url';
import wasmUrl from '../../build/ort.jspi.wasm.gz?url';
import { backend } from './backend';

export default backend(ort, 'webgpu', loaderUrl, { url: wasmUrl, bytes: __JSPI_BYTES__ });
