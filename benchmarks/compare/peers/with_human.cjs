// human (npm @vladmandic/human): BlazeFace, face mesh and its emotion network.
// It names no face without finding it first; a face of FER2013 goes to its emotion network as its own code feeds it.
const fs = require('fs');
const path = require('path');
const url = require('url');
const { main } = require('./worker.cjs');

const NAME = '@vladmandic/human';
const LABELS = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'];
const RGB = [0.2989, 0.587, 0.114];

// Its build for WASM reads models with fetch, which in Node knows no files.
globalThis.fetch = async (address) => new Response(fs.readFileSync(url.fileURLToPath(String(address))));

async function make() {
  // By its path: the package exports no file for WASM.
  const { Human } = require(path.join(process.env.NODE_PATH, NAME, 'dist/human.node-wasm.js'));
  const human = new Human({
    backend: 'wasm',
    wasmPath: path.join(process.env.NODE_PATH, '@tensorflow/tfjs-backend-wasm/dist/'),
    modelBasePath: `file://${path.join(process.env.NODE_PATH, NAME, 'models')}/`,
    debug: false,
    cacheSensitivity: 0,
    face: {
      enabled: true, detector: { maxDetected: 20 }, mesh: { enabled: true }, iris: { enabled: false },
      description: { enabled: false }, emotion: { enabled: true, minConfidence: 0, skipFrames: 0, skipTime: 0 },
    },
    body: { enabled: false }, hand: { enabled: false }, gesture: { enabled: false }, object: { enabled: false },
  });
  await human.load();
  const tf = human.tf;
  const tensor = (image) => tf.tensor(image.data, [1, image.height, image.width, 3], 'float32');

  async function face(image) {
    const answer = tf.tidy(() => {
      const small = tf.image.resizeBilinear(tensor(image), [64, 64], false);
      const gray = tf.sum(tf.mul(tf.div(small, 255), RGB), 3, true);
      return human.models.models.emotion.execute(tf.mul(tf.sub(gray, 0.5), 2));
    });
    const shares = await answer.data();
    answer.dispose();
    return Object.fromEntries(LABELS.map((name, k) => [name, shares[k]]));
  }

  async function find(image) {
    const input = tensor(image);
    const found = await human.detect(input);
    input.dispose();
    return found.face.map((one) => [one.box, Object.fromEntries((one.emotion || []).map((e) => [e.emotion, e.score]))]);
  }
  return { face, find };
}

main(NAME, [NAME, '@tensorflow'], make);
