/** The examples of the library's README, as programs: a heading `### 3. …`, then code, whose comments say what it prints. */
export interface ReadmeExample {
  readonly title: string;
  readonly code: string;
  /** The lines it prints. */
  readonly prints: readonly string[];
}

export function readmeExamples(markdown: string): ReadmeExample[] {
  return markdown
    .split(/^(?=###? )/m)
    .filter((section) => /^### \d+\. /.test(section))
    .map((section) => {
      const title = section.slice(4, section.indexOf('\n'));
      const code = /^```ts\n(.*?)^```$/ms.exec(section)?.[1];
      if (code === undefined) throw new Error(`The example "${title}" has no code`);
      return { title, code, prints: printed(code) };
    });
}

/** A comment behind `console.log(…);` is one line; one that follows a statement on lines of its own is as many. */
function printed(code: string): string[] {
  const lines: string[] = [];
  let follows = false;
  for (const line of code.split('\n')) {
    const behind = /console\.log\(.*\);? \/\/ (.*)$/.exec(line);
    const own = /^\/\/ (.*)$/.exec(line);
    if (behind?.[1] !== undefined) lines.push(behind[1]);
    else if (own?.[1] !== undefined && follows) lines.push(own[1]);
    follows = own !== null ? follows : line.trim() !== '';
  }
  return lines;
}
