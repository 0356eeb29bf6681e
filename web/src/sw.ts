/**
 * The service worker: caches the page for offline visits, with one cache per version, and blocks every request to
 * another origin.
 */

import { CACHE_NAME } from './store';

const worker = self as unknown as ServiceWorkerGlobalScope;
const LIST = 'moue-page.json';
const MODEL = '/model.json';

interface PageList {
  readonly version: string;
  readonly files: readonly string[];
}

async function cacheAll(): Promise<void> {
  const list = (await (await fetch(LIST, { cache: 'no-cache' })).json()) as PageList;
  if (list.version !== __VERSION__) throw new Error('the page was replaced while it was being read');
  const cache = await caches.open(CACHE_NAME);
  await Promise.all(
    [...list.files, './'].map(async (file) => {
      // The worker has already cached the large files.
      if (!(await cache.match(file))) await cache.add(new Request(file, { cache: 'no-cache' }));
    }),
  );
}

async function deleteOldCaches(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith('moue-page-') && name !== CACHE_NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/**
 * Respond from the cache first. The page itself and model.json come from the network if there is one, so that a new
 * version is noticed.
 */
async function respond(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE_NAME);
  const find = () => cache.match(request, { ignoreSearch: true });
  const isModel = new URL(request.url).pathname.endsWith(MODEL);
  if (request.mode !== 'navigate' && !isModel) return (await find()) ?? fetch(request);
  try {
    const response = await fetch(request);
    if (isModel && response.ok) await cache.put(request, response.clone()).catch(() => undefined);
    return response;
  } catch (error) {
    const cached = (await find()) ?? (isModel ? undefined : await cache.match('./'));
    if (cached) return cached;
    throw error;
  }
}

worker.addEventListener('install', (event) => event.waitUntil(cacheAll().then(() => worker.skipWaiting())));
worker.addEventListener('activate', (event) => event.waitUntil(deleteOldCaches()));
worker.addEventListener('fetch', (event) => {
  const { origin, protocol } = new URL(event.request.url);
  if (protocol === 'blob:' || protocol === 'data:') return;
  if (origin !== worker.location.origin) event.respondWith(Response.error());
  else if (event.request.method === 'GET') event.respondWith(respond(event.request));
});
