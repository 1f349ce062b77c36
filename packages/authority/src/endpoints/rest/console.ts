/** The console's built files. The page gets a nonce, so that its policy needs no `unsafe-inline`. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';

/** Serves `folder`; a path that is no file is a page of the console. */
export async function serveConsole(app: FastifyInstance, folder: string): Promise<void> {
  const assets = path.join(folder, 'assets');
  if (existsSync(assets)) {
    // Their names carry a hash of their content.
    await app.register(fastifyStatic, {
      root: assets,
      prefix: '/assets/',
      immutable: true,
      maxAge: '365d',
      index: false,
    });
  }
  app.get('/*', { schema: { hide: true } }, async (_request, reply) =>
    sendPage(reply, path.join(folder, 'index.html')),
  );
}

async function sendPage(reply: FastifyReply, file: string): Promise<FastifyReply> {
  let page: string;
  try {
    page = await readFile(file, 'utf8');
  } catch {
    return reply
      .status(503)
      .type('text/plain; charset=utf-8')
      .send(
        'The console has not been built. The office runs; build its pages with "npm run build:console" and reload.\n',
      );
  }
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(page.replaceAll('__CSP_NONCE__', reply.cspNonce.style));
}
