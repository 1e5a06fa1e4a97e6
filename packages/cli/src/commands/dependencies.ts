import { dependenciesOf, toExpectShape } from '@image-factory/core/dockerfile/analyse.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { PlatformName } from '@image-factory/core/reference/types.ts';
import type { Answer } from '../answer.ts';
import type { Flags } from '../command-line.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
