/** Chooses the runtime's build: WebGPU if the browser has a real GPU, else WASM. Only the chosen one is fetched. */

import type { Backend } from './backend';

interface Adapter {
  readonly isFallbackAdapter?: boolean;
  readonly info?: { readonly isFallbackAdapter?: boolean };
}

/** @param preference "wasm" or "webgpu", from `?engine=` in the page's address; anything else lets the page choose. */
export async function choose(preference: string): Promise<Backend> {
  const gpu = preference === 'webgpu' || (preference !== 'wasm' && (await hasGpu()));
  return (gpu ? await import('./webgpu') : await import('./wasm')).default;
}

/** Whether there is a real GPU; one emulated in software is slower than WASM. */
async function hasGpu(): Promise<boolean> {
  const { gpu } = navigator as unknown as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
  if (!gpu || !('Suspending' in WebAssembly)) return false;
  const adapter = await gpu.requestAdapter().catch(() => null);
  return adapter !== null && !(adapter.isFallbackAdapter ?? adapter.info?.isFallbackAdapter);
}
