// What the peers under Node have in common: answer the images of a task and say what that cost.
// The runner has decoded the images: raw holds red, green and blue bytes, so no peer needs a decoder.
const fs = require('fs');
const path = require('path');

function size(folder) {
  let total = 0;
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const inside = path.join(folder, entry.name);
    total += entry.isDirectory() ? size(inside) : fs.lstatSync(inside).blocks * 512;
  }
  return total;
}

function read(image) {
  return { data: new Uint8Array(fs.readFileSync(image.raw)), width: image.width, height: image.height };
}

async function timed(answer, images) {
  const answers = [];
  const spent = [];
  for (const image of images) {
    const began = process.cpuUsage();
    answers.push(await answer(read(image)));
    const used = process.cpuUsage(began);
    spent.push((used.user + used.system) / 1e3);
  }
  return [answers, spent];
}

// packages: the folders in node_modules whose sizes count; NODE_PATH names node_modules.
async function main(name, packages, make) {
  const task = JSON.parse(fs.readFileSync(process.argv[2]));
  const began = process.cpuUsage();
  const peer = await make();
  await peer.face(read(task.faces[0]));
  const used = process.cpuUsage(began);
  const [faces, face_ms] = await timed(peer.face, task.faces);
  const [photos, photo_ms] = await timed(peer.find, task.photos);
  const modules = process.env.NODE_PATH;
  const result = {
    version: JSON.parse(fs.readFileSync(path.join(modules, name, 'package.json'))).version,
    platform: `Node ${process.versions.node}, WASM`,
    installed_mb: packages.reduce((sum, one) => sum + size(path.join(modules, one)), 0) / 1e6,
    peak_mb: process.resourceUsage().maxRSS / 1024,
    start_cpu_s: (used.user + used.system) / 1e6,
    faces, photos, face_ms, photo_ms,
  };
  fs.writeFileSync(process.argv[3], JSON.stringify(result));
}

async function wasm(tf, backend) {
  backend.setWasmPaths(path.join(process.env.NODE_PATH, '@tensorflow/tfjs-backend-wasm/dist/'));
  backend.setThreadsCount?.(1);
  await tf.setBackend('wasm');
  await tf.ready();
}

module.exports = { main, wasm };
