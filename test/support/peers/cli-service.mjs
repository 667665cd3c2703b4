// A service module for `rpyc serve`, as a user writes one. The package is imported from dist/, as the programs do.
import * as rpyc from '../../../dist/index.js';

class Player {
  exposed_name = 'Ella';
  exposed_play() {
    return 'la la';
  }
}

export default class Jukebox extends rpyc.Service {
  static byValue = ['titles'];
  exposed_player = new Player();
  exposed_add(a, b) {
    return a + b;
  }
  exposed_titles() {
    return ['Ella', 'Miles'];
  }
  exposed_mix(first, { fade = 0 } = {}) {
    return `${first} (${fade})`;
  }
  exposed_fail() {
    throw new rpyc.exceptions.ValueError('bad');
  }
  exposed_wait(ms, began) {
    began?.();
    return new Promise((resolve) => setTimeout(() => resolve('waited'), ms));
  }
}
