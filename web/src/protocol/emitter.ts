// Typed events: a map from the name to what its listeners are given.

type Listener<T> = (value: T) => void;

export class Emitter<Events extends object> {
  private readonly listeners = new Map<keyof Events, Listener<never>[]>();

  /** Returns the function that takes the listener away again. */
  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener as Listener<never>]);
    return () => {
      const rest = (this.listeners.get(name) ?? []).filter((one) => one !== (listener as Listener<never>));
      this.listeners.set(name, rest);
    };
  }

  protected emit<K extends keyof Events>(name: K, value: Events[K]): void {
    for (const listener of this.listeners.get(name) ?? []) (listener as Listener<Events[K]>)(value);
  }
}
