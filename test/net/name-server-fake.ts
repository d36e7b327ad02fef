import { createSocket, type RemoteInfo } from 'node:dgram';

/** What the fake server does with a question. `silent` never answers; a number is an RCODE; a list holds addresses. */
type Reply = 'silent' | number | readonly string[];

/** A UDP name server of a test. */
export interface FakeNameServer {
  /** As a resolv.conf names it: `127.0.0.1:PORT`. */
  address: string;
  /** Every question so far: `A gw.example`. */
  questions: string[];
  /** Answers by question, `A gw.example`; what is not named is NXDOMAIN. */
  replies: Map<string, Reply>;
  ttlSeconds: number;
  close(): void;
}

const TYPES: Readonly<Record<number, string>> = { 1: 'A', 28: 'AAAA' };

/** Starts one on 127.0.0.1. */
export async function startNameServer(): Promise<FakeNameServer> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const server: FakeNameServer = {
    address: `127.0.0.1:${socket.address().port}`,
    questions: [],
    replies: new Map(),
    ttlSeconds: 60,
    close: () => socket.close(),
  };
  socket.on('message', (message, from) => {
    const question = readQuestion(message);
    server.questions.push(question.text);
    const reply = server.replies.get(question.text) ?? 3;
    if (reply === 'silent') return;
    send(socket, from, encodeReply(message.subarray(0, question.end), reply, server.ttlSeconds));
  });
  return server;
}

function send(socket: ReturnType<typeof createSocket>, to: RemoteInfo, message: Buffer): void {
  socket.send(message, to.port, to.address);
}

/** The one question of a message (RFC 1035, section 4.1.2). */
function readQuestion(message: Buffer): { text: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  while (message[at] !== 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + message[at]!));
    at += 1 + message[at]!;
  }
  const type = TYPES[message.readUInt16BE(at + 1)] ?? '?';
  return { text: `${type} ${labels.join('.').toLowerCase()}`, end: at + 5 };
}

/** Header and question given back, with records that point at the question's name. */
function encodeReply(asked: Buffer, reply: number | readonly string[], ttlSeconds: number): Buffer {
  const head = Buffer.from(asked);
  const addresses = typeof reply === 'number' ? [] : reply;
  head.writeUInt16BE(0x8180 | (typeof reply === 'number' ? reply : 0), 2);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, ...addresses.map((address) => encodeRecord(address, ttlSeconds))]);
}

function encodeRecord(address: string, ttlSeconds: number): Buffer {
  const v6 = address.includes(':');
  const data = v6
    ? Buffer.from(
        address
          .split(':')
          .flatMap((part) => [Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255]),
      )
    : Buffer.from(address.split('.').map(Number));
  const record = Buffer.alloc(12);
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(v6 ? 28 : 1, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(ttlSeconds, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([record, data]);
}
