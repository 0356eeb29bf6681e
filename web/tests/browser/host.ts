/** A minimal static web host for the tests: no compression, no headers except the content type. */

import { readFile } from 'node:fs/promises';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.jpg': 'image/jpeg',
  '.png': 'image/png',
  '.webm': 'video/webm',
  '.mp4': 'video/mp4',
};

export interface Host {
  readonly address: string;
  /** Requested paths, in order. */
  readonly requested: string[];
  /** Bytes of all bodies sent. */
  sent: number;
  close(): Promise<void>;
}

/** @param isolated Whether to send the headers that allow a page to use threads. */
export async function startHost(folder: string, isolated = false): Promise<Host> {
  const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
  const server: Server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://host').pathname;
    host.requested.push(path);
    try {
      const content = await readFile(join(folder, normalize(path.endsWith('/') ? `${path}index.html` : path)));
      const type = TYPES[extname(path) || '.html'] ?? 'application/octet-stream';
      response.writeHead(200, { 'Content-Type': type, ...(isolated ? isolation : {}) }).end(content);
      host.sent += content.length;
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  const host: Host = { address: `http://127.0.0.1:${port}/`, requested: [], sent: 0, close };
  return host;
}
