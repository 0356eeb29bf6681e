// Shared by the Node peers: classify the images of a task and measure the cost.
// The runner has decoded the images to raw RGB bytes, so no peer needs a decoder.
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

async function timed(predict, images) {
  const predictions = [];
  const spent = [];
  for (const image of images) {
    const began = process.cpuUsage();
    predictions.push(await predict(read(image)));
    const used = process.cpuUsage(began);
    spent.push((used.user + used.system) / 1e3);
  }
  return [predictions, spent];
}

// packages: the folders in node_modules whose sizes are added up. NODE_PATH is the path of node_modules.
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
    installed_mb: packages.reduce((sum, folder) => sum + size(path.join(modules, folder)), 0) / 1e6,
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
