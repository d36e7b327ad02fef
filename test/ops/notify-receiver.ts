import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from '../e2e/sentinel.js';
import { until } from '../until.js';

/** A message as systemd gets it. */
interface Notification {
  seconds: number;
  /** `READY=1`, `STATUS=...`: what came in one message. */
  lines: readonly string[];
}

/** A notify socket that remembers what it is told; it goes with the test. */
export class NotifyReceiver {
  readonly socket: string;
  readonly messages: Notification[] = [];

  private constructor(socket: string) {
    this.socket = socket;
  }

  static async start(t: TestContext): Promise<NotifyReceiver> {
    const receiver = new NotifyReceiver(join(temporaryFolder(t), 'notify'));
    const child = spawn('python3', [resolve('test/ops/notify-receiver.py'), receiver.socket], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop()!;
      for (const line of lines) receiver.#take(JSON.parse(line) as [number, string]);
    });
    await receiver.gets('listening');
    return receiver;
  }

  /** Waits for the first message with this line. */
  gets(line: string, deadlineMs?: number): Promise<Notification> {
    return until(
      () => `"${line}" at the notify socket: ${JSON.stringify(this.messages)}`,
      () => this.messages.find(({ lines }) => lines.includes(line)),
      deadlineMs,
    );
  }

  /** When the messages with this line came. */
  secondsOf(line: string): number[] {
    return this.messages.filter(({ lines }) => lines.includes(line)).map(({ seconds }) => seconds);
  }

  #take([seconds, text]: [number, string]): void {
    if (text !== 'BARRIER=1') this.messages.push({ seconds, lines: text.trim().split('\n') });
  }
}
