/** Builds the page into the Python package, with the networks, the runtime and a list of all files. */

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Plugin, defaultClientConditions, defineConfig } from 'vite';

const here = import.meta.dirname;
const root = resolve(here, '..');
const weights = join(root, 'src/moue/weights');
const require = createRequire(import.meta.url);

/** Compress a build of the runtime's WASM, because a static host may not. */
function pack(build: '' | 'jspi.'): number {
  mkdirSync(join(here, 'build'), { recursive: true });
  const wasm = require.resolve(`onnxruntime-web/ort-wasm-simd-threaded.${build}wasm`);
  const content = gzipSync(readFileSync(wasm), { level: 9 });
  writeFileSync(join(here, `build/ort.${build}wasm.gz`), content);
  return content.length;
}

function filesOf(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort();
}

/** The version is a hash of everything that the page is made of. */
function versionOf(): string {
  const hash = createHash('sha256');
  const single = ['index.html', 'package-lock.json', 'vite.config.ts'].map((name) => join(here, name));
  const all = [...single, ...['src', 'public'].flatMap((name) => filesOf(join(here, name))), ...filesOf(weights)];
  for (const file of all) hash.update(file.slice(root.length)).update(readFileSync(file));
  return hash.digest('hex').slice(0, 12);
}

const pinned = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')).dependencies as Record<string, string>;

/** ONNX Runtime's licence requires its text beside every copy. */
const LICENCE = `ONNX Runtime Web ${pinned['onnxruntime-web']}

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;

const moue = /^version = "(.+)"$/m.exec(readFileSync(join(root, 'pyproject.toml'), 'utf8'))?.[1] ?? '';
const version = versionOf();

/** Write moue-page.json: the files of the page, for the service worker and for `moue page`. */
function listFiles(): Plugin {
  return {
    name: 'moue-list-files',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const assets = filesOf(join(here, 'public')).map((file) => file.slice(join(here, 'public').length + 1));
        // The worker caches the one runtime and detector that it uses; the service worker need not fetch the others.
        const listed = (name: string) => name !== 'sw.js' && !/^assets\/.*\.(gz|onnx)$/.test(name);
        const files = [...Object.keys(bundle), ...assets].filter(listed).sort();
        const source = `${JSON.stringify({ format: 'moue-page', version, moue, files }, null, 1)}\n`;
        this.emitFile({ type: 'asset', fileName: 'moue-page.json', source });
        this.emitFile({ type: 'asset', fileName: 'LICENCES.txt', source: LICENCE });
      },
    },
  };
}

export default defineConfig({
  root: here,
  base: './',
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', ...defaultClientConditions] },
  define: {
    __VERSION__: JSON.stringify(version),
    __MOUE__: JSON.stringify(moue),
    __WASM_BYTES__: pack(''),
    __JSPI_BYTES__: pack('jspi.'),
    __DETECTOR_BYTES__: statSync(join(weights, 'faces/own.onnx')).size,
  },
  assetsInclude: ['**/*.onnx', '**/*.gz'],
  plugins: [listFiles()],
  worker: { format: 'es' },
  server: { fs: { allow: [root] } },
  build: {
    outDir: join(root, 'src/moue/page/static'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      input: { index: join(here, 'index.html'), sw: join(here, 'src/sw.ts') },
      output: { entryFileNames: (chunk) => (chunk.name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
});
