/** The paths in messages: the decisions know the run folder alone, the workers are told where its files are now. */
import type { CoordinatorMessage } from '@microtune/shared';
import type { RunEvent } from './decide/run-state.js';
import type { RunPlace } from './run-place.js';

export function toDisk(message: CoordinatorMessage, place: RunPlace): CoordinatorMessage {
  switch (message.type) {
    case 'welcome': {
      // Workers write their logs there.
      const outputDir = place.folder.root;
      return { ...message, config: { ...message.config, outputDir } };
    }
    case 'save':
    case 'restore':
      return { ...message, folder: place.toDisk(message.folder) };
    default:
      return message;
  }
}

export function fromDisk<E extends RunEvent | { type: string }>(event: E, place: RunPlace): E {
  if (!('message' in event) || event.message.type !== 'saved') return event;
  const { message } = event;
  return { ...event, message: { ...message, folder: place.fromDisk(message.folder) } };
}
