/** Directories that the office follows. */
import { describeDirectories, describePreview } from '../../identity/directory/describe.ts';
import { answerDrop, beginPass, previewDirectory } from '../../identity/directory/synchronise.ts';
import { consult, perform } from '../../operation.ts';
import type { Handlers } from './handler.ts';

export const directoryHandlers: Handlers<'directories' | 'previewDirectory' | 'runDirectory' | 'answerDirectory'> = {
  async directories({ world, by }) {
    return { items: await consult(world, 'person:read', by, (snapshot) => describeDirectories(world, snapshot)) };
  },
  async previewDirectory({ world, by }, { params }) {
    return describePreview(await previewDirectory(world, by, params.name));
  },
  async runDirectory({ world, by }, { params }) {
    await perform(world, beginPass, by, params);
    return { done: true };
  },
  async answerDirectory({ world, by }, { params, body }) {
    await perform(world, answerDrop, by, { ...params, ...body });
    return { done: true };
  },
};
