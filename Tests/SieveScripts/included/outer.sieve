require "include"; include "inner";
