import { createSocket, type RemoteInfo } from 'node:dgram';

/** What the fake server does with a question. `silent` never answers; a number is an RCODE; a list holds addresses, or the data of SRV and MX as zone files write it (`10 5 9100 db.example`, `10 mail.example`). */
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

const TYPES: Readonly<Record<number, string>> = { 1: 'A', 15: 'MX', 28: 'AAAA', 33: 'SRV' };

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
  const type = head.readUInt16BE(head.length - 4);
  const records = typeof reply === 'number' ? [] : reply;
  head.writeUInt16BE(0x8180 | (typeof reply === 'number' ? reply : 0), 2);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, ...records.map((text) => encodeRecord(type, text, ttlSeconds))]);
}

function encodeRecord(type: number, text: string, ttlSeconds: number): Buffer {
  const data = encodeData(type, text);
  const record = Buffer.alloc(12);
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(type, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(ttlSeconds, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([record, data]);
}

/** RDATA of A, AAAA (RFC 3596), SRV (RFC 2782) and MX (RFC 1035, section 3.3.9). */
function encodeData(type: number, text: string): Buffer {
  if (TYPES[type] === 'A') return Buffer.from(text.split('.').map(Number));
  if (TYPES[type] === 'AAAA')
    return Buffer.concat(text.split(':').map((part) => uint16(Number.parseInt(part, 16))));
  const words = text.split(' ');
  const name = words.pop()!;
  return Buffer.concat([...words.map((word) => uint16(Number(word))), encodeName(name)]);
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  const parts = labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...parts, Buffer.from([0])]);
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255]);
}
