import { execFileSync } from 'node:child_process';

/** Where a process runs and is found. */
export interface Host {
  readonly ip: string;
  /** The command line that runs a program there. */
  enter(program: string, args: string[]): [string, string[]];
}

/** This machine. */
export const LOOPBACK: Host = { ip: '127.0.0.1', enter: (program, args) => [program, args] };

/** Nobody has this address, so what is sent to it is lost without a word. */
const NOWHERE = '02:00:00:00:00:01';

/** A network namespace, with a cable to the bridge that joins them all. */
class Namespace implements Host {
  constructor(
    readonly name: string,
    readonly ip: string,
    /** this machine's end of its cable */
    readonly cable: string,
  ) {}

  enter(program: string, args: string[]): [string, string[]] {
    return ['ip', ['netns', 'exec', this.name, program, ...args]];
  }
}

/**
 * A network of its own inside this machine: namespaces on one bridge, and any two of them can be separated. A separation
 * is silent in both directions: nothing is refused, nothing arrives. Needs root and iproute2.
 */
export class Net {
  /** this machine's own place in it */
  readonly here: Host;
  private readonly namespaces: Namespace[] = [];

  private constructor(
    private readonly bridge: string,
    private readonly subnet: string,
  ) {
    this.here = { ...LOOPBACK, ip: `${subnet}.1` };
  }

  /** Only root may make networks. */
  static get possible(): boolean {
    return process.getuid?.() === 0;
  }

  static make(): Net {
    const net = new Net(`e2e${process.pid}`, `10.77.${1 + (process.pid % 254)}`);
    ip('link', 'add', net.bridge, 'type', 'bridge');
    ip('addr', 'add', `${net.here.ip}/24`, 'dev', net.bridge);
    ip('link', 'set', net.bridge, 'up');
    return net;
  }

  host(): Host {
    const number = this.namespaces.length + 10;
    const name = `${this.bridge}-${number}`;
    const cable = `${this.bridge}v${number}`;
    const namespace = new Namespace(name, `${this.subnet}.${number}`, cable);
    this.namespaces.push(namespace);
    ip('netns', 'add', name);
    ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('link', 'set', cable, 'master', this.bridge, 'up');
    ip('-n', name, 'addr', 'add', `${namespace.ip}/24`, 'dev', 'eth0');
    ip('-n', name, 'link', 'set', 'eth0', 'up');
    ip('-n', name, 'link', 'set', 'lo', 'up');
    return namespace;
  }

  /** From now on nothing passes between the two. */
  separate(one: Host, other: Host): void {
    for (const [from, to] of both(one, other)) {
      ip(...this.inside(from), 'neigh', 'replace', to.ip, 'lladdr', NOWHERE, 'nud', 'permanent', ...this.device(from));
    }
  }

  rejoin(one: Host, other: Host): void {
    for (const [from, to] of both(one, other)) {
      ip(...this.inside(from), 'neigh', 'del', to.ip, ...this.device(from));
    }
  }

  /** With all that runs there gone already. */
  remove(): void {
    for (const { name, cable } of this.namespaces) {
      // a connection that is not over yet would keep the namespace, and with it the cable
      ip('link', 'del', cable);
      ip('netns', 'del', name);
    }
    ip('link', 'del', this.bridge);
  }

  private inside(host: Host): string[] {
    return host instanceof Namespace ? ['-n', host.name] : [];
  }

  private device(host: Host): string[] {
    return ['dev', host instanceof Namespace ? 'eth0' : this.bridge];
  }
}

function both(one: Host, other: Host): [Host, Host][] {
  return [
    [one, other],
    [other, one],
  ];
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
