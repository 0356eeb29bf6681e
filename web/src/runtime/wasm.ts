/** The runtime on the CPU: WASM with SIMD, in every browser. */

import * as ort from 'onnxruntime-web/wasm';
import loaderUrl from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasmUrl from '../../build/ort.wasm.gz?url';
import { backend } from './backend';

export default backend(ort, 'wasm', loaderUrl, { url: wasmUrl, bytes: __WASM_BYTES__ });
