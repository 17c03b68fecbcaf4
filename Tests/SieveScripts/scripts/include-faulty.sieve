require "include";
first_unknown;
include "faulty";
last_unknown;
