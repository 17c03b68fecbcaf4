require "include"; include "outer";
