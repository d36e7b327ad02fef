// Run as a process of its own, in a namespace where the kernel does not answer: replies to echo requests after DELAY ms, in one of several ways.
import netPing from 'net-ping';

const [, , delay = '0', way = 'right', family = '4'] = process.argv;
const networkProtocol = netPing.NetworkProtocol[family === '4' ? 'IPv4' : 'IPv6'];
let closed = false;
const session = netPing.createSession({ networkProtocol, retries: 0 });
const socket = session.getSocket();
socket.removeAllListeners('message');
socket.on('message', (datagram: Buffer, from: string) => {
  const offset = family === '4' ? (datagram[0]! & 0x0f) * 4 : 0;
  if (datagram[offset] !== (family === '4' ? 8 : 128)) return;
  const reply = Buffer.from(datagram.subarray(offset));
  reply[0] = family === '4' ? 0 : 129;
  // Another nonce: as if the reply were one to another process with equal numbers.
  if (way === 'foreign') reply[8]! ^= 1;
  reply.writeUInt16BE(0, 2);
  reply.writeUInt16BE(checksum(reply), 2);
  const send = () => {
    // raw-socket would open a closed socket again, and keep the process.
    if (!closed) socket.wrap.send(reply, 0, reply.length, from, () => {});
  };
  const answer = () => {
    for (let i = 0; i < (way === 'twice' ? 2 : 1); i++) send();
  };
  if (delay === '0') answer();
  else setTimeout(answer, Number(delay));
});

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

process.stdin
  .on('end', () => {
    closed = true;
    session.close();
  })
  .resume();
process.stdout.write('ready\n');
