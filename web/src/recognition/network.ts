/** Anything that runs a network: ONNX Runtime Web in the page and in the tests. Mirrors src/moue/classifier/runtime.py. */

export interface Network {
  /** Run the network on its one input, and return its outputs by name. */
  run(input: Float32Array, shape: readonly number[]): Promise<Readonly<Record<string, Float32Array>>>;
}
