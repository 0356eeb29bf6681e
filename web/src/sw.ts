/**
 * The service worker: keeps the page for visits without a network, one store for each version, and lets no request
 * leave the page's own origin.
 */

import { STORE } from './store';

const worker = self as unknown as ServiceWorkerGlobalScope;
const LIST = 'moue-page.json';
const MODEL = '/model.json';

interface PageList {
  readonly version: string;
  readonly files: readonly string[];
}

async function keepAll(): Promise<void> {
  const list = (await (await fetch(LIST, { cache: 'no-cache' })).json()) as PageList;
  if (list.version !== __VERSION__) throw new Error('the page was replaced while it was read');
  const store = await caches.open(STORE);
  await Promise.all(
    [...list.files, './'].map(async (file) => {
      // The worker has already put the large files there.
      if (!(await store.match(file))) await store.add(new Request(file, { cache: 'no-cache' }));
    }),
  );
}

async function forgetOthers(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith('moue-page-') && name !== STORE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/**
 * Kept files first. The page itself and what says which model it has come from the network where there is one, so that a
 * new version is seen.
 */
async function answer(request: Request): Promise<Response> {
  const store = await caches.open(STORE);
  const find = () => store.match(request, { ignoreSearch: true });
  const asksModel = new URL(request.url).pathname.endsWith(MODEL);
  if (request.mode !== 'navigate' && !asksModel) return (await find()) ?? fetch(request);
  try {
    const response = await fetch(request);
    if (asksModel && response.ok) await store.put(request, response.clone()).catch(() => undefined);
    return response;
  } catch (error) {
    const known = (await find()) ?? (asksModel ? undefined : await store.match('./'));
    if (known) return known;
    throw error;
  }
}

worker.addEventListener('install', (event) => event.waitUntil(keepAll().then(() => worker.skipWaiting())));
worker.addEventListener('activate', (event) => event.waitUntil(forgetOthers()));
worker.addEventListener('fetch', (event) => {
  const { origin, protocol } = new URL(event.request.url);
  if (protocol === 'blob:' || protocol === 'data:') return;
  if (origin !== worker.location.origin) event.respondWith(Response.error());
  else if (event.request.method === 'GET') event.respondWith(answer(event.request));
});
