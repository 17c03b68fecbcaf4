require "include";
include "bad";
