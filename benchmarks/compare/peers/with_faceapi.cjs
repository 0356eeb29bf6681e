// face-api.js in its maintained fork (npm @vladmandic/face-api): SSD MobileNet and its expression network.
const path = require('path');
const { main, wasm } = require('./worker.cjs');

const NAME = '@vladmandic/face-api';

async function make() {
  const tf = require('@tensorflow/tfjs');
  await wasm(tf, require('@tensorflow/tfjs-backend-wasm'));
  const faceapi = require(`${NAME}/dist/face-api.node-wasm.js`);
  const models = path.join(process.env.NODE_PATH, NAME, 'model');
  await faceapi.nets.ssdMobilenetv1.loadFromDisk(models);
  await faceapi.nets.faceLandmark68Net.loadFromDisk(models);
  await faceapi.nets.faceExpressionNet.loadFromDisk(models);
  const tensor = (image) => tf.tensor3d(image.data, [image.height, image.width, 3], 'int32');
  const plain = (expressions) => Object.fromEntries(
    expressions.asSortedArray().map(({ expression, probability }) => [expression, probability]),
  );

  async function face(image) {
    const input = tensor(image);
    const expressions = await faceapi.nets.faceExpressionNet.predictExpressions(input);
    input.dispose();
    return plain(expressions);
  }

  async function find(image) {
    const input = tensor(image);
    const options = new faceapi.SsdMobilenetv1Options({ minConfidence: 0.5 });
    const found = await faceapi.detectAllFaces(input, options).withFaceLandmarks().withFaceExpressions();
    input.dispose();
    return found.map(({ detection: { box }, expressions }) => [[box.x, box.y, box.width, box.height], plain(expressions)]);
  }
  return { face, find };
}

main(NAME, [NAME, '@tensorflow'], make);
