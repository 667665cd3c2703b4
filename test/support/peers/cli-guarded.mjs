// What `rpyc serve` serves in its tests of authenticators: a service module that exports one.
import * as rpyc from '../../../dist/index.js';

export const authenticator = new rpyc.TokenAuthenticator({ secret: 'a secret of sixteen bytes at least' });

export default class Guarded extends rpyc.Service {
  exposed_add(a, b) {
    return a + b;
  }
}
