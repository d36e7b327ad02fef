import type { HttpClient, HttpRequest, HttpResponse } from '../net/index.js';

/** An HTTP client that closes when it was told to and its last request has ended: who has one in the air keeps it. */
export class PoolClient implements HttpClient {
  readonly #client: HttpClient;
  #running = 0;
  #isClosing = false;

  constructor(client: HttpClient) {
    this.#client = client;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    this.#running++;
    try {
      return await this.#client.request(request);
    } finally {
      this.#running--;
      if (this.#isClosing) this.close();
    }
  }

  close(): void {
    this.#isClosing = true;
    if (this.#running === 0) this.#client.close();
  }
}
