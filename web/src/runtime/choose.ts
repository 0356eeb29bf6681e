/** Which build of the runtime: WebGPU where the browser has a real one, else WASM. Only the chosen one is fetched. */

import type { Backend } from './backend';

interface Adapter {
  readonly isFallbackAdapter?: boolean;
  readonly info?: { readonly isFallbackAdapter?: boolean };
}

/** @param wish "wasm" or "webgpu" where the address of the page says `?engine=`; anything else lets the page choose. */
export async function choose(wish: string): Promise<Backend> {
  const gpu = wish === 'webgpu' || (wish !== 'wasm' && (await hasGpu()));
  return (gpu ? await import('./webgpu') : await import('./wasm')).default;
}

/** Whether there is a graphics processor; one that a program imitates is slower than WASM. */
async function hasGpu(): Promise<boolean> {
  const { gpu } = navigator as unknown as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
  if (!gpu || !('Suspending' in WebAssembly)) return false;
  const adapter = await gpu.requestAdapter().catch(() => null);
  return adapter !== null && !(adapter.isFallbackAdapter ?? adapter.info?.isFallbackAdapter);
}
