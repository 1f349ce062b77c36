/** `gateway.toml` of the data folder, with what the office itself knows filled in. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import {
  type GatewayConfig,
  type GatewayConfigInput,
  parseGatewayConfig,
  resolveGatewayConfig,
} from '@chancery/gateway';
import { parse as parseToml } from 'smol-toml';

/** For a gateway on its own: the file as it stands. */
export function loadGatewayConfig(home: string): GatewayConfig {
  const file = path.join(home, 'gateway.toml');
  return parseGatewayConfig(read(file) ?? '', home, file);
}

/** Of whichever gateway works on this data folder: the one beside its office, or one on its own. */
export function localGatewayConfig(home: string, authorityUrl: string): GatewayConfig {
  const token = path.join(home, 'gateway', 'token');
  return existsSync(token) ? officeGatewayConfig(home, authorityUrl, token) : loadGatewayConfig(home);
}

/** For the gateway beside an authority: address, token and folder need no file. */
export function officeGatewayConfig(home: string, authorityUrl: string, tokenFile: string): GatewayConfig {
  const file = path.join(home, 'gateway.toml');
  const text = read(file);
  // Syntax is judged by the one parser that names the file; here only the missing values are filled in.
  if (text !== undefined) parseGatewayConfig(text, home, file);
  const written = (text === undefined ? {} : parseToml(text)) as GatewayConfigInput;
  return resolveGatewayConfig(
    {
      ...written,
      gateway: {
        data: path.join(home, 'gateway'),
        ...written.gateway,
        authority: { url: authorityUrl, token: { file: tokenFile }, ...written.gateway?.authority },
      },
    },
    home,
    file,
  );
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
