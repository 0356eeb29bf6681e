// human (npm @vladmandic/human): BlazeFace, face mesh and its emotion network.
// It only classifies faces that it has detected, so faces of FER2013 go directly to its emotion network, preprocessed
// as in its own code.
const fs = require('fs');
const path = require('path');
const url = require('url');
const { main } = require('./worker.cjs');

const NAME = '@vladmandic/human';
const LABELS = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'];
const RGB = [0.2989, 0.587, 0.114];

// Its WASM build reads models with fetch, which cannot read files in Node.
globalThis.fetch = async (address) => new Response(fs.readFileSync(url.fileURLToPath(String(address))));

async function make() {
  // By path, because the package does not export its WASM build.
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
    const output = tf.tidy(() => {
      const small = tf.image.resizeBilinear(tensor(image), [64, 64], false);
      const gray = tf.sum(tf.mul(tf.div(small, 255), RGB), 3, true);
      return human.models.models.emotion.execute(tf.mul(tf.sub(gray, 0.5), 2));
    });
    const shares = await output.data();
    output.dispose();
    return Object.fromEntries(LABELS.map((name, k) => [name, shares[k]]));
  }

  async function find(image) {
    const input = tensor(image);
    const found = await human.detect(input);
    input.dispose();
    return found.face.map((f) => [f.box, Object.fromEntries((f.emotion || []).map((e) => [e.emotion, e.score]))]);
  }
  return { face, find };
}

main(NAME, [NAME, '@tensorflow'], make);
