// The service of `npm start`, as a module that each worker of a pool loads.
import { CalculatorService } from './calculator.mjs';
import { TimeService } from './time.mjs';

/** The calculator is the root, the time service hangs below it: `conn.root.time.get_utc()`. */
export default class DemoService extends CalculatorService {
  exposed_time = new TimeService();
}
