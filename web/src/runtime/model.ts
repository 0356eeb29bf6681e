/** Which model the page uses: read from model.json beside it, written by `moue page` or `moue serve`. */

import type { PageModel } from '../recognition/spec';

const FORMAT = 'moue-page-model';
const DETECTORS: readonly string[] = ['yunet'];

/** The address of a file beside index.html; the worker is one folder deeper. */
export function pageUrl(file: string): string {
  return new URL(`../${file}`, self.location.href).href;
}

/** Fetched at each visit: the model may have changed while the page did not. */
export async function fetchModel(): Promise<PageModel> {
  const response = await fetch(pageUrl('model.json'), { cache: 'no-cache' });
  if (!response.ok) throw new Error(`model.json could not be loaded (${response.status})`);
  const model = (await response.json()) as PageModel;
  if (model.format !== FORMAT) throw new Error(`model.json has the format ${String(model.format)}, not ${FORMAT}`);
  const { name = 'yunet' } = model.detector ?? {};
  if (!DETECTORS.includes(name)) {
    throw new Error(`model.json names the detector ${name}, not ${DETECTORS.join(' or ')}`);
  }
  return model;
}
