import type { Person } from '@chancery/api';

/** Seconds in which the first certificate of somebody who was just added arrives; later it waits for a person, not for us. */
const usual = 60;

/** Whether it is worth looking again soon. `now` in milliseconds since 1970. */
export function isFresh(person: Pick<Person, 'createdAt'>, now = Date.now()): boolean {
  return now - Date.parse(person.createdAt) < usual * 1000;
}
