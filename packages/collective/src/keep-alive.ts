/**
 * How a connection learns that its other end is gone. A process that ends closes its connections, which shows in
 * milliseconds. A machine that vanishes is asked for by TCP itself and given up after about 40 s.
 *
 * ZMTP heartbeats are left off on purpose: they are answered by the process, so one that stands still for some seconds
 * (Ctrl-Z, a suspended laptop, a frozen container) would lose its connection though nothing is wrong. TCP's probes are
 * answered by the kernel, whatever the process does. Who stands still for long is the coordinator's matter
 * (docs/decisions/0023-who-hangs.md).
 */
export const keepAliveOptions = {
  tcpKeepalive: 1,
  /** Seconds of silence before the first probe, between probes, and how many may go unanswered. */
  tcpKeepaliveIdle: 10,
  tcpKeepaliveInterval: 5,
  tcpKeepaliveCount: 6,
} as const;
