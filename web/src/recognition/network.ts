/** A network that can be run, by ONNX Runtime Web or a stand-in. Mirrors src/moue/classifier/runtime.py. */

export interface Network {
  /** Run the network on its one input, and return its outputs by name. */
  run(input: Float32Array, shape: readonly number[]): Promise<Readonly<Record<string, Float32Array>>>;
}
