/** PostgreSQL's settings for one office on a small machine. Durability is PostgreSQL's default: fsync, full_page_writes, synchronous_commit. */
const SETTINGS: Record<string, string> = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '60',
  shared_buffers: '64MB',
  work_mem: '8MB',
  maintenance_work_mem: '64MB',
  effective_cache_size: '512MB',
  max_wal_size: '256MB',
  // One process fewer for each worker, and a faster start; asynchronous reads gain nothing on a database that fits into memory.
  io_method: 'sync',
  // Parallel queries share memory through /dev/shm, of which a container has 64 MB.
  max_parallel_workers_per_gather: '0',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  jit: 'off',
  huge_pages: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] ',
  log_checkpoints: 'off',
  log_min_messages: 'warning',
};

/** For databases that a test throws away. */
const THROWAWAY: Record<string, string> = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

export interface Layout {
  readonly data: string;
  readonly socket: string;
  readonly hba: string;
  readonly ident: string;
}

/** PostgreSQL's arguments for the folders of `layout`. */
export function serverArguments(layout: Layout, throwaway: boolean): string[] {
  const settings = {
    ...SETTINGS,
    ...(throwaway ? THROWAWAY : {}),
    hba_file: layout.hba,
    ident_file: layout.ident,
    // A list of names, of which ours may hold a comma or a blank.
    unix_socket_directories: `"${layout.socket.replaceAll('"', '""')}"`,
  };
  return ['-D', layout.data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}
