/** The client before the gateway: hands over octets and reports the reply, or that there was none. */
import SMTPConnection from 'nodemailer/lib/smtp-connection';

/** The reply's code and text; `lost` when the connection ended without one. */
export async function submit(
  port: number,
  { sender, recipients, message }: { sender: string; recipients: readonly string[]; message: Buffer | string },
): Promise<{ code: number; reply: string } | 'lost'> {
  const connection = new SMTPConnection({ host: '127.0.0.1', port, ignoreTLS: true, socketTimeout: 20_000 });
  return new Promise((resolve) => {
    const lost = () => {
      connection.close();
      resolve('lost');
    };
    connection.on('error', lost);
    connection.on('end', lost);
    connection.connect((refused) => {
      if (refused) return lost();
      const octets = Buffer.from(message);
      const from = sender === '' ? (false as const) : sender;
      connection.send({ from, to: [...recipients], size: octets.length }, octets, (error, info) => {
        const { responseCode, response } = (error ?? {}) as { responseCode?: number; response?: string };
        if (error && responseCode === undefined) return lost();
        resolve(
          error
            ? { code: responseCode ?? 0, reply: response ?? error.message }
            : { code: 250, reply: info?.response ?? '' },
        );
        connection.quit();
      });
    });
  });
}
