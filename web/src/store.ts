/** Files that the browser keeps for a visit without a network. The service worker reads the same store. */

export const STORE = `moue-page-${__VERSION__}`;

/** Fetch a file once for each version of the page; later from the store, where the browser has one. */
export async function kept(url: string): Promise<Response> {
  // Pages that came by plain http:// from another machine have no store.
  const store = 'caches' in globalThis ? await caches.open(STORE).catch(() => null) : null;
  const known = await store?.match(url);
  if (known) return known;
  const response = await fetch(url);
  if (!response.ok || !response.body) throw new Error(`${url} could not be loaded (${response.status})`);
  // A full disk must not cost the answer.
  store?.put(url, response.clone()).catch(() => undefined);
  return response;
}

/**
 * Remove the networks that the page had before, which `kept` would hold as long as the page's version does.
 *
 * @param current The addresses of those that it has, all in one folder.
 */
export async function forgetOthers(current: readonly string[]): Promise<void> {
  if (!('caches' in globalThis)) return;
  const store = await caches.open(STORE).catch(() => null);
  const folder = current[0]!.slice(0, current[0]!.lastIndexOf('/') + 1);
  const old = ((await store?.keys()) ?? []).filter(({ url }) => url.startsWith(folder) && !current.includes(url));
  await Promise.all(old.map((request) => store!.delete(request)));
}
