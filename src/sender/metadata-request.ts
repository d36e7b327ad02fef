import protobuf from 'protobufjs/minimal.js';
import { compress } from 'snappyjs';
import type { FamilyType, MetricMetadata } from '../model/index.js';

// Field numbers and wire types of remote-write 1.0 (prompb/remote.proto, prompb/types.proto): tag = field << 3 | wire type.
const TAG_METADATA = 0x1a;
const TAG_TYPE = 0x08;
const TAG_FAMILY = 0x12;
const TAG_HELP = 0x22;
const TAG_UNIT = 0x2a;

const TYPES: Readonly<Record<FamilyType, number>> = {
  unknown: 0,
  counter: 1,
  gauge: 2,
  histogram: 3,
  gaugehistogram: 4,
  summary: 5,
  info: 6,
  stateset: 7,
};

/** The body of a remote-write 1.0 request with metadata and nothing else, compressed. */
export function encodeMetadata(families: readonly MetricMetadata[]): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const { family, type, help, unit } of families) {
    writer.uint32(TAG_METADATA).fork();
    if (type !== 'unknown') writer.uint32(TAG_TYPE).int32(TYPES[type]);
    text(writer, TAG_FAMILY, family);
    text(writer, TAG_HELP, help);
    text(writer, TAG_UNIT, unit);
    writer.ldelim();
  }
  return compress(writer.finish());
}

/** Lone surrogates become U+FFFD: a receiver refuses a whole request for one text that is not UTF-8. */
function text(writer: protobuf.Writer, tag: number, value: string): void {
  if (value !== '') writer.uint32(tag).bytes(Buffer.from(value, 'utf8'));
}
