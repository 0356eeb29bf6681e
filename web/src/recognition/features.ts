/**
 * More outputs for an ONNX file that is already here: the last feature map, and the layer behind it. Mirrors
 * src/moue/classifier/features.py.
 */

/** Fields of ONNX's ModelProto, GraphProto and ValueInfoProto. */
const [GRAPH, OUTPUT, NAME] = [7, 12, 1];
const LENGTH_FOLLOWS = 2;

export interface FeatureSpec {
  /** The features before the average. */
  readonly output: string;
  /** "NCHW" or "NHWC". */
  readonly layout: string;
  /** Of each head the names of its weights and its bias. */
  readonly layers: Readonly<Record<string, readonly string[]>>;
  /** How far each place lies right of and below its tile, in parts of the tile's side. */
  readonly shift: number;
}

/**
 * An ONNX file with more of its tensors among its outputs. Two protocol buffers written one behind the other are read as
 * one, so what is appended is a model of nothing but names.
 */
export function withOutputs(content: Uint8Array, names: readonly string[]): Uint8Array {
  const text = new TextEncoder();
  const graph = names.flatMap((name) => field(OUTPUT!, field(NAME!, [...text.encode(name)])));
  const added = field(GRAPH!, graph);
  const whole = new Uint8Array(content.length + added.length);
  whole.set(content);
  whole.set(added, content.length);
  return whole;
}

function field(number: number, payload: readonly number[]): number[] {
  return [...varint((number << 3) | LENGTH_FOLLOWS), ...varint(payload.length), ...payload];
}

/** Seven bits to a byte, the lowest first; the eighth bit says that more follow. */
function varint(number: number): number[] {
  const parts: number[] = [];
  let rest = number;
  for (; rest > 0x7f; rest >>>= 7) parts.push((rest & 0x7f) | 0x80);
  return [...parts, rest];
}
