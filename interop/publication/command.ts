/** `npm run in-line -- slapd 5000`, or `samba 5000`: the same as in the tests, with as many people as you like. */
import { keepInLine } from './keep-in-line.ts';

const [which = 'slapd', count = '5000'] = process.argv.slice(2);
if (which !== 'slapd' && which !== 'samba') throw new Error('slapd or samba');
const say = (text: string) => process.stderr.write(`${text}\n`);
// Several pages, so that there is a middle to stop in.
const page = Math.min(200, Math.ceil(Number(count) / 4));
console.log(JSON.stringify(await keepInLine(which, Number(count), { page, say }), undefined, 2));
